import type { Format } from './format.ts';
import type { About } from './subject.ts';

const FENCE = '```';

/** How images get in, in the language of each format. */
const USES: Readonly<Record<Format, (about: About) => string>> = {
  safetensors: ({ normalisation: { mean, sd } }) => `${FENCE}python
import torch
from load import load                          # needs PyTorch alone
network = load()                               # an nn.Module, in evaluation mode
mean = torch.tensor([${mean.join(', ')}]).view(3, 1, 1)
sd = torch.tensor([${sd.join(', ')}]).view(3, 1, 1)
logits = network((pixels - mean) / sd)         # pixels: float32 [batch, 3, size, size] in [0, 1]
${FENCE}

\`python load.py\` compares its logits with those in \`check.json\`. Kernels are OIHW and linear layers [out, in], as in PyTorch. A convolution has the name of that convolution in RepDistiller and, as its bias, what its batch norm was; that norm is not there any more. Norms in front of a convolution (WRN, explainers) are a factor and a shift by channel under the norm's name (\`weight\`, \`bias\`), without running statistics. What has no name in RepDistiller has the project's own, with dots. \`network.json\` lists the operations.`,
  tfjs: ({ normalisation: { mean, sd } }) => `${FENCE}js
import * as tf from '@tensorflow/tfjs';
const network = await tf.loadGraphModel('model.json');
const normalised = pixels.sub([${mean.join(', ')}]).div([${sd.join(', ')}]);
const logits = network.predict(normalised);    // pixels: float32 [batch, size, size, 3] in [0, 1]
const { classNames } = (await (await fetch('model.json')).json()).userDefinedMetadata;
${FENCE}`,
  onnx: ({ normalisation: { mean, sd } }) => `${FENCE}python
import numpy, onnxruntime
session = onnxruntime.InferenceSession('model.onnx')
mean = numpy.array([${mean.join(', ')}], numpy.float32).reshape(3, 1, 1)
sd = numpy.array([${sd.join(', ')}], numpy.float32).reshape(3, 1, 1)
(logits,) = session.run(None, {'images': (pixels - mean) / sd})   # [batch, 3, size, size]
${FENCE}

Operations of version 17. What is known of the network is in the file's metadata and in \`network.json\`.`,
  savedmodel: ({ normalisation: { mean, sd } }) => `${FENCE}python
import tensorflow as tf
network = tf.saved_model.load('.').signatures['serving_default']
normalised = (pixels - [${mean.join(', ')}]) / [${sd.join(', ')}]
logits = network(images=normalised)['logits']  # pixels: float32 [batch, size, size, 3] in [0, 1]
${FENCE}

The constants are in \`saved_model.pb\`; it has no variables. What is known of the network is in \`network.json\`.`,
};

/** The page that lies beside an exported network. */
export function readme(format: Format, about: About): string {
  const { model, classNames, imageSize, normalisation, dataset, trial, key, weights, code } = about;
  const { preset, mean, sd } = normalisation;
  const of = trial === undefined ? '' : ` of \`${trial.id}\` in the study ${trial.study}`;
  const commit = code.commit === undefined ? '' : `, commit ${code.commit}`;
  return `# ${model} for ${dataset.name}

The network${of}, folded for inference: ${about.folded.join(' and ')}.

${USES[format](about)}

| | |
| --- | --- |
| input | \`images\`, ${imageSize} × ${imageSize} RGB, (pixel − mean) / sd by channel, pixels in [0, 1] |
| mean, sd | ${mean.join(' ')} · ${sd.join(' ')} (preset ${preset}) |
| output | \`logits\` of ${classNames.length} classes: ${classNames.join(', ')} |
| key | ${key} |
| weights before folding | sha256 ${weights} |
| dataset | ${dataset.name}, sha256 of its manifest ${dataset.digest} |
| code | ${code.digest}${commit} |

\`check.json\` has two images, normalised, and the logits that the network as it was trained gives for them.
Written by \`kdx export\` of kdexplainer.
`;
}
