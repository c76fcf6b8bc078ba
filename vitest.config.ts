import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const { SEED, RUNS = '1' } = process.env;

/** Where seeds decide: others than the fixed ones, and more tries, are for whoever asks for them. */
const SEEDED = ['unit', 'sim', 'fuzz'];
const otherSeeds = SEED || RUNS !== '1' ? ['test/support/other-seeds.ts'] : [];

/** One project a tier: `npm run test:<tier>` runs a tier alone, `npm test` all. What needs a server that is not there is left out, with a line. */
const tier = (name: string, testTimeoutMs: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: SEEDED.includes(name) ? otherSeeds : [],
    testTimeout: SEEDED.includes(name) ? testTimeoutMs * Number(RUNS) : testTimeoutMs,
    hookTimeout: testTimeoutMs,
  },
});

const netns = {
  test: {
    name: 'netns',
    include: ['test/e2e/netns/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // Bounds of half a second and two seconds, on a machine that may be shared.
    retry: 1,
    fileParallelism: false,
  },
};

export default defineConfig({
  test: {
    globalSetup: ['test/support/temporary-directory.ts'],
    // What runs processes mostly waits for them: two cores have room for two files at once.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      // Times of tests are there to end what hangs, also on a machine that is slow and busy.
      tier('unit', 60_000),
      tier('conformance', 60_000),
      tier('sim', 180_000),
      tier('fuzz', 180_000),
      // Real processes, sockets and timers, several files at once: a stall of seconds on a shared machine is nobody's fault.
      { test: { ...tier('integration', 150_000).test, retry: 1 } },
      // On a real API server; skipped with a line where there is none.
      // An API server beside the tests stalls now and then on a shared machine, and several at once take a minute to start.
      { test: { ...tier('kube', 300_000).test, retry: 1, globalSetup: ['test/kube/setup.ts'] } },
      // On clusters that main.ts of the folder is told; one file after the other, because they kill what others use. A machine that runs
      // two clusters beside the tests stalls now and then, so each test may try again.
      {
        test: {
          ...tier('e2e', 120_000).test,
          exclude: ['test/e2e/netns/**'],
          retry: 2,
          globalSetup: ['test/e2e/setup.ts'],
          fileParallelism: false,
        },
      },
      // The console's page, where there is a Chromium; skipped with a line where there is none.
      {
        test: {
          ...tier('browser', 120_000).test,
          retry: 1,
          globalSetup: ['test/browser/setup.ts'],
          expect: { poll: { timeout: 20_000 } },
        },
      },
      // In network namespaces that test/e2e/netns/main.ts makes: `npm run test:netns`. One file after the other, since they look at times.
      ...(process.env.SKUPRT_NETNS ? [netns] : []),
      // Networks of our routers; mixed ones where there is an original. Two originals alone lose or stall some 3 of 100 flows of
      // 64 MiB both ways at once, so each test may try again.
      { test: { ...tier('interop', 90_000).test, retry: 2, globalSetup: ['test/interop/setup.ts'] } },
    ],
  },
});
