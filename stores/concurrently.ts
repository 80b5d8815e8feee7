/** Applies `work` to every item, at most `limit` at once; values in the order of the items. */
export async function concurrently<Item, Value>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  const values = new Array<Value>(items.length);
  const pending = items.entries();
  const lane = async () => {
    // All lanes draw from one iterator, so each item is taken once.
    for (const [index, item] of pending) values[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return values;
}
