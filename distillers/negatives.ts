import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { Site, Step } from './contract.ts';

/** Rows of the training split sorted by class, with the first place of each class and its length. */
export function sortedByClass(
  classOfRow: Int32Array,
  classes: number,
): { readonly rows: Int32Array; readonly starts: Int32Array; readonly counts: Int32Array } {
  const rows = Int32Array.from(classOfRow.keys()).sort(
    (a, b) => (classOfRow[a] as number) - (classOfRow[b] as number) || a - b,
  );
  const counts = new Int32Array(classes);
  for (const k of classOfRow) counts[k] = (counts[k] as number) + 1;
  const starts = new Int32Array(classes);
  for (let k = 1; k < classes; k += 1) {
    starts[k] = (starts[k - 1] as number) + (counts[k - 1] as number);
  }
  return { rows, starts, counts };
}

/**
 * Draws negatives for a batch: rows of the training split of other classes than the image's own, each
 * as likely as the others, with replacement. Gives int32 [B, 1 + count], the image's own row first.
 *
 * The images of other classes are numbered by leaving a hole out of the list sorted by class, so one
 * integer below their number is one draw, without rejection and without a table per class.
 */
export function createDrawing(
  site: Site,
  count: number,
): (step: Step, rows: tensorflow.Tensor1D) => tensorflow.Tensor2D {
  const { tf, images, classes } = site;
  const sorted = sortedByClass(site.classOfRow, classes);
  const byClass = site.table(sorted.rows);
  const starts = site.table(sorted.starts);
  const counts = site.table(sorted.counts);
  const draw = site.draw('negatives');
  return (step, rows) =>
    site.withoutGradient(() => {
      const [batch] = rows.shape;
      const own = tf.argMax<tensorflow.Tensor1D>(step.labels, 1);
      const column = (table: tensorflow.Tensor1D): tensorflow.Tensor2D =>
        tf.reshape<tensorflow.Rank.R2>(tf.gather(table, own), [batch, 1]);
      const length = column(counts);
      const other = tf.mod(draw(step, [batch, count]), tf.sub(tf.scalar(images, 'int32'), length));
      const isBehind = tf.cast(tf.greaterEqual(other, column(starts)), 'int32');
      const places = tf.add(other, tf.mul(isBehind, length));
      const negatives: tensorflow.Tensor = tf.gather(byClass, places);
      return tf.concat<tensorflow.Tensor2D>(
        [tf.reshape(rows, [batch, 1]), negatives as tensorflow.Tensor2D],
        1,
      );
    });
}
