import test from 'ava';

import type { ImportedTeacher } from '../../../study/imported-teacher.ts';
import { draw, drawFixture } from '../page/document.ts';

const SOURCE = { digest: 'd'.repeat(64), bytes: 1234 };
const ONNX: ImportedTeacher = {
  ...{ schema: 1, classes: 10, weights: 'd'.repeat(64) },
  source: { format: 'onnx', names: 'ONNX', ...SOURCE },
  onnx: {
    ...{ input: 'x', output: 'y', layout: 'NCHW' },
    ...{ parameters: 10, multiplyAdds: 100, activations: 5 },
  },
};
const TORCH: ImportedTeacher = {
  ...{ schema: 1, classes: 10, weights: 'e'.repeat(64), model: { name: 'resnet20' } },
  source: { format: 'torch', names: 'PyTorch', ...SOURCE },
};

/** The text of a report whose teacher came from elsewhere. */
function textOf(imported: ImportedTeacher): string {
  const { input } = drawFixture();
  const teachers = input.study.teachers.map(({ id }) => ({ id, import: 'big', imported }));
  return draw({ ...input, study: { ...input.study, teachers } }).page.textContent;
}

test('a report says where a teacher comes from, and what it gives', (t) => {
  const onnx = textOf(ONNX);
  t.regex(onnx, /was trained elsewhere: a file of ONNX of 1234 bytes, sha256 d{64}, which ONNX/);
  t.regex(onnx, /it teaches by its logits alone/);
  t.regex(onnx, /network[^.]*ONNX/i, 'the network is named among what differs from the paper');
  t.regex(textOf(TORCH), /read from a torch file of 1234 bytes, .* by the names of PyTorch/);
});
