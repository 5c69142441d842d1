import { defineConfig } from '@playwright/test'

/** One server with demo data serves all tests, which only add to it; so one worker. */
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  // What somebody looked at last; `npm run looks` accepts what is there now.
  snapshotPathTemplate: '{testDir}/looks/{arg}{ext}',
  globalSetup: './e2e/start.ts',
  workers: 1,
  forbidOnly: !!process.env.CI,
  // Ends what hangs. Tests wait for states, and a busy machine takes its time to reach them.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  // What passes at the second try is listed as flaky: a defect to mend, but not one that hides the rest.
  retries: process.env.CI ? 1 : 0,
  reporter: 'list',
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // Letters are drawn alike on every screen, so that pictures can be compared.
        '--disable-lcd-text',
        '--font-render-hinting=none',
      ],
    },
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    trace: 'retain-on-failure',
  },
  projects: [
    { name: 'sign-in', testMatch: 'sign-in.setup.ts' },
    { name: 'pages', testMatch: '*.spec.ts', dependencies: ['sign-in'] },
  ],
})
