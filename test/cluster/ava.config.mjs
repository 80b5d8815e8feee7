/** For `npm run test:cluster` alone: these tests need a cluster, and `npm test` leaves them out. */
export default {
  files: ['test/cluster/**/*.test.ts'],
  extensions: ['ts'],
  workerThreads: false,
  // One node runs the pods of all of them.
  concurrency: 1,
  timeout: '15m',
};
