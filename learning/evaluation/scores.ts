/** Scores of predictions on the host, in double precision. Pure; ties go to the lower class. */

/** Logits of a set of images, row by row, and their true classes. */
export type Predictions = {
  readonly count: number;
  readonly classes: number;
  readonly logits: Float32Array;
  readonly labels: Uint8Array;
};

const CALIBRATION_BINS = 15;
const TOP_FIVE = 5;
const PERCENT = 100;

/** Logits of one image. */
function rowOf({ logits, classes }: Predictions, image: number): Float32Array {
  return logits.subarray(image * classes, (image + 1) * classes);
}

/** ln softmax of one row. */
export function logSoftmax(row: Float32Array, temperature = 1): Float64Array {
  const scaled = Float64Array.from(row, (value) => value / temperature);
  const peak = Math.max(...scaled);
  const total = scaled.reduce((sum, value) => sum + Math.exp(value - peak), 0);
  const shift = peak + Math.log(total);
  return scaled.map((value) => value - shift);
}

/** The class of the largest logit. */
export function predictedClass(row: Float32Array): number {
  let best = 0;
  for (let k = 1; k < row.length; k += 1) {
    if ((row[k] as number) > (row[best] as number)) best = k;
  }
  return best;
}

/** How many classes come before `label`: larger logits, and equal ones of lower classes. */
function rankOf(row: Float32Array, label: number): number {
  const own = row[label] as number;
  let rank = 0;
  for (const [k, value] of row.entries()) {
    if (value > own || (value === own && k < label)) rank += 1;
  }
  return rank;
}

type Score = (row: Float32Array, label: number) => number;

/** Exact for counts: 942 of 1,000 are 94.2 percent, not 94.19999999999999. */
function shareOf(predictions: Predictions, score: Score): number {
  return (PERCENT * sumOver(predictions, score)) / predictions.count;
}

function sumOver(predictions: Predictions, score: Score): number {
  let sum = 0;
  for (let image = 0; image < predictions.count; image += 1) {
    sum += score(rowOf(predictions, image), predictions.labels[image] as number);
  }
  return sum;
}

/** Images whose predicted class is the true one, percent. */
export function top1(predictions: Predictions): number {
  return shareOf(predictions, (row, label) => (predictedClass(row) === label ? 1 : 0));
}

/** Images whose true class is among the five largest logits, percent. */
export function top5(predictions: Predictions): number {
  return shareOf(predictions, (row, label) => (rankOf(row, label) < TOP_FIVE ? 1 : 0));
}

/** Mean negative log-likelihood of the true class, in nats. */
export function negativeLogLikelihood(predictions: Predictions): number {
  const loss = sumOver(predictions, (row, label) => -(logSoftmax(row)[label] as number));
  return loss / predictions.count;
}

/**
 * Expected calibration error over 15 equal bins of confidence, percent (Guo et al., ICML 2017, eq. 3;
 * arXiv:1706.04599).
 */
export function calibrationError(predictions: Predictions): number {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ confidence: 0, correct: 0 }));
  for (let image = 0; image < predictions.count; image += 1) {
    const row = rowOf(predictions, image);
    const predicted = predictedClass(row);
    const confidence = Math.exp(logSoftmax(row)[predicted] as number);
    const position = Math.min(Math.floor(confidence * CALIBRATION_BINS), CALIBRATION_BINS - 1);
    const bin = bins[position] as { confidence: number; correct: number };
    bin.confidence += confidence;
    bin.correct += predicted === predictions.labels[image] ? 1 : 0;
  }
  const gaps = bins.reduce((sum, bin) => sum + Math.abs(bin.correct - bin.confidence), 0);
  return (PERCENT * gaps) / predictions.count;
}

/** confusion[true][predicted] in images. */
export function confusionMatrix(predictions: Predictions): number[][] {
  const { classes, count, labels } = predictions;
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let image = 0; image < count; image += 1) {
    const row = matrix[labels[image] as number] as number[];
    const predicted = predictedClass(rowOf(predictions, image));
    row[predicted] = (row[predicted] as number) + 1;
  }
  return matrix;
}

/**
 * How well a student follows its teacher on the same images: equal predictions in percent, and the
 * mean KL(teacher ‖ student) at temperature 1.
 */
export function agreementWith(
  student: Predictions,
  teacher: Predictions,
): { readonly agreement: number; readonly kl: number } {
  let equal = 0;
  let divergence = 0;
  for (let image = 0; image < student.count; image += 1) {
    const [s, t] = [rowOf(student, image), rowOf(teacher, image)];
    equal += predictedClass(s) === predictedClass(t) ? 1 : 0;
    const [logS, logT] = [logSoftmax(s), logSoftmax(t)];
    divergence += logT.reduce((sum, l, k) => sum + Math.exp(l) * (l - (logS[k] as number)), 0);
  }
  return { agreement: (PERCENT * equal) / student.count, kl: divergence / student.count };
}

/** Mean softmax(z/T) of the images of every class, [classes][classes]. */
export function classMeans(predictions: Predictions, temperature: number): number[][] {
  const { classes, count, labels } = predictions;
  const sums = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const sizes = new Array<number>(classes).fill(0);
  for (let image = 0; image < count; image += 1) {
    const label = labels[image] as number;
    const sum = sums[label] as number[];
    for (const [k, value] of logSoftmax(rowOf(predictions, image), temperature).entries()) {
      sum[k] = (sum[k] as number) + Math.exp(value);
    }
    sizes[label] = (sizes[label] as number) + 1;
  }
  return sums.map((sum, label) => sum.map((value) => value / Math.max(1, sizes[label] as number)));
}
