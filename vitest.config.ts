import { defineConfig } from "vitest/config";

/** Folders whose tests need the embedded PostgreSQL or Temporal. */
const INTEGRATION = [
  "test/db/**/*.test.ts",
  "test/activities/**/*.test.ts",
  "test/workflows/**/*.test.ts",
  "test/api/**/*.test.ts",
  "test/e2e/**/*.test.ts",
  "test/replay/**/*.test.ts",
  "test/crash/**/*.test.ts",
  "test/embedded/**/*.test.ts",
];

export default defineConfig({
  test: {
    // `.only` left behind would make the rest of the suite pass by not running.
    allowOnly: false,
    pool: "forks",
    maxWorkers: 3,
    reporters: ["default", "json"],
    outputFile: { json: ".siaga/test-results.json" },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: INTEGRATION,
          setupFiles: ["test/support/random-seed.ts"],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: INTEGRATION,
          globalSetup: ["test/support/global-setup.ts"],
          setupFiles: ["test/support/random-seed.ts", "test/support/quiet-temporal.ts"],
          testTimeout: 60_000,
          // Starting servers and cloning databases beside seven other files takes longer than a test's own work.
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
