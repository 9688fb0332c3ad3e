/**
 * The browsers that the demo is driven in: those that this machine has. A page that they give counts what it fetched, keeps
 * what it logged as an error, and may ask no one but the server.
 */

import { existsSync } from 'node:fs';
import { require } from './prepare.mjs';

const PLACES = {
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
};

/** Where a browser is; undefined when it is not here. `FARGO_CHROMIUM` and `FARGO_FIREFOX` name others. */
export function browserPath(name) {
  return process.env[`FARGO_${name.toUpperCase()}`] ?? PLACES[name].find((path) => existsSync(path));
}

export async function launch(name) {
  const playwright = require('playwright-core');
  const executablePath = browserPath(name);
  return name === 'chromium'
    ? playwright.chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
    : playwright.firefox.launch({ executablePath, channel: 'moz-firefox' });
}

/** A page with an eye on it. */
export async function openPage(browser, { address, origin, ...options }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { errors: [], elsewhere: [], bytes: 0 };
  page.on('console', (message) => {
    if (message.type() === 'error') seen.errors.push(message.text());
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(origin)) seen.elsewhere.push(request.url());
  });
  page.on('response', async (response) => {
    const body = await response.body().catch(() => undefined);
    seen.bytes += body?.length ?? 0;
  });
  await page.goto(address);
  return { page, context, seen };
}

/** Serious and critical faults that axe finds, one line each. */
export async function axeFaults(page) {
  const { source } = require('axe-core');
  await page.evaluate(`${source};0`);
  const violations = await page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return result.violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      where: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`),
    }));
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, where }) => `${id}: ${help}: ${where.join(' | ')}`);
}
