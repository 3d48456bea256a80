// Two kinds of tests: those that need nothing but the machine run side by side; those that build a whole site in network namespaces
// run after them, one file at a time, because they measure time and load.
import { defineConfig } from 'vitest/config';

const lab = ['test/lab/**/*.test.ts', 'src/lab/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: lab,
          testTimeout: 20_000,
          hookTimeout: 60_000,
          // All cores also where there are two; vitest would leave one idle, and group 0 runs last when it has one worker.
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'lab',
          include: lab,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
