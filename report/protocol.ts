import { DATASETS } from '../study/datasets.ts';
import { seedPairs } from '../study/plan.ts';
import type { Study, Train } from '../study/schema.ts';
import type { Prose, Row, Table } from './content.ts';
import { fixed, listed } from './format.ts';

const SCHEDULES: Readonly<Record<Train['schedule'], string>> = {
  step: '×0.1 at 62.5, 75 and 87.5 % of the run',
  constant: 'constant',
  'explainer-soft': 'warm-up, then linear decay; gates colder every epoch',
  'explainer-hard': 'halved every tenth of the run',
};

/** How each kind of network was trained, with every default filled in. */
export function protocolTable(study: Study): Table {
  const { explain, sweep, teachers } = study;
  return {
    id: 'protocol',
    caption: 'How the networks were trained.',
    columns: [
      { label: 'Training' },
      { label: 'epochs', numeric: true },
      { label: 'batch', numeric: true },
      { label: 'optimiser' },
      { label: 'schedule' },
      { label: 'augmentation' },
    ],
    rows: [
      ...teachers.map(({ id, train }) => trainRow(`Teacher ${id}`, train)),
      ...(explain === undefined
        ? []
        : [
            trainRow('Explainer, soft stage', explain.stage1),
            trainRow('Explainer, hard stage', explain.stage2),
          ]),
      ...(sweep === undefined ? [] : [trainRow('Students', sweep.train)]),
    ],
    notes: [],
  };
}

function trainRow(label: string, train: Train): Row {
  const { optimizer, augment, schedule } = train;
  const rates =
    optimizer.name === 'adam'
      ? `Adam ${optimizer.learningRate}, gates ${optimizer.gateLearningRate}`
      : `SGD ${optimizer.learningRate}, momentum ${optimizer.momentum}`;
  const flips = augment.flip ? 'flips' : 'no flips';
  return {
    head: [label],
    cells: [
      [fixed(train.epochs, 0)],
      [fixed(train.batch, 0)],
      [`${rates}, decay ${optimizer.weightDecay}`],
      [SCHEDULES[schedule]],
      [`crop from ${augment.pad} px padding, ${flips}`],
    ],
  };
}

/** The data, the seeds and the methods in words. */
export function protocolProse(study: Study): Prose {
  const { dataset, seeds, sweep } = study;
  const info = DATASETS[dataset.name];
  const { validation, train, test } = dataset.split;
  const held = validation === 0 ? '' : `, ${fixed(validation, 0)} for validation`;
  const pairs = seedPairs(seeds).map(({ init, data }) =>
    init === data ? `${init}` : `${init}/${data}`,
  );
  const methods = (sweep?.methods ?? []).map(({ id, distillers, vam }) => {
    const terms = distillers.map(({ name, weight, temperature, smoothing }) => {
      const details = [
        ...(temperature === undefined ? [] : [`T = ${temperature}`]),
        ...(smoothing === undefined ? [] : [`ε = ${smoothing}`]),
      ];
      const base = `${weight} · ${name.toUpperCase()}`;
      return details.length === 0 ? base : `${base} (${details.join(', ')})`;
    });
    const block =
      vam === undefined ? '' : ` with VAM in blocks of ${vam.block}, γ = ${vam.entropyWeight}`;
    return `${id} = ${terms.join(' + ')}${block}`;
  });
  return [
    `Dataset ${dataset.name}, normalisation “${dataset.preset}”: ${fixed(train ?? info.trainImages - validation, 0)} images to train on${held}, ${fixed(test ?? info.testImages, 0)} to test. Seeds ${listed(pairs)}.`,
    methods.length === 0 ? '' : ` Losses: ${methods.join('; ')}.`,
    ' The last epoch is what counts; a diverged run is counted as lost and never trained again.',
  ];
}
