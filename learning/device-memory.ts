import { usedDeviceBytes } from './gpu.ts';

const INTERVAL_MILLISECONDS = 5000;

export type DeviceMemoryWatch = {
  /** Most bytes of device memory seen so far; nothing where there is none or nobody tells. */
  stop(): Promise<number | undefined>;
};

/**
 * Asks every few seconds how much device memory this process holds. TensorFlow never gives any back,
 * so the last answer is the peak but for what others are refused.
 */
export function watchDeviceMemory(
  kind: 'cpu' | 'cuda',
  variables: NodeJS.ProcessEnv = process.env,
): DeviceMemoryWatch {
  if (kind === 'cpu') return { stop: () => Promise.resolve(undefined) };
  let peak: number | undefined;
  const look = async (): Promise<void> => {
    const bytes = await usedDeviceBytes(process.pid, variables);
    if (bytes !== undefined) peak = Math.max(peak ?? 0, bytes);
  };
  const timer = setInterval(() => void look(), INTERVAL_MILLISECONDS);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await look();
      return peak;
    },
  };
}
