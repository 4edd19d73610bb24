/**
 * Two projects: `fast` is part of `npm run check`; `slow` (`*.slow.test.ts`)
 * starts processes, installs packages and runs the conformance suite.
 */
import { defineConfig } from "vitest/config"

const limits = (seconds: number) => ({ testTimeout: seconds * 1000, hookTimeout: seconds * 1000 })

export default defineConfig({
  test: {
    // One more than there are processors here: most slow tests wait for something, not for a processor.
    maxWorkers: 3,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts", "plugins/**/*.ts"],
      reportsDirectory: "coverage/report",
      reportOnFailure: true,
      reporter: ["json"]
    },
    projects: [
      {
        test: {
          name: "fast",
          // No test of these leaves anything behind, so modules are loaded once and not per file.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: ["**/*.slow.test.ts", "**/node_modules/**"],
          // Long for a busy machine; each takes a second or two at most on a quiet one.
          ...limits(60)
        }
      },
      {
        test: {
          name: "slow",
          // Their processes are apart; what the tests themselves load is loaded once.
          isolate: false,
          globalSetup: "test/kit/main.ts",
          include: ["test/**/*.slow.test.ts"],
          exclude: ["**/node_modules/**"],
          ...limits(180)
        }
      }
    ]
  }
})
