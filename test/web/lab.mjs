/** The demo as a person uses it: what tests do with its page. */

import { expect } from 'vitest';

const WAIT = { timeout: 90_000 };

/** Chooses a guest; it has booted when this returns. */
export async function boot(page, guest) {
  await page.click(`[data-guest=${guest}]`);
  await page.waitForSelector('#warm', WAIT);
}

/** Warms it and waits for the figures. */
export async function warm(page) {
  await page.click('#warm');
  await page.waitForSelector('#fork-first', WAIT);
}

/** A figure at the top: what was measured, not what stands there while numbers run. */
export async function figure(page, key) {
  return Number(await page.getAttribute(`[data-figure=${key}]`, 'data-value'));
}

export async function selected(page) {
  return Number(await page.getAttribute('[role=treeitem][aria-selected=true]', 'data-id'));
}

/** What the terminal shows. */
export async function terminalText(page) {
  const rows = await page.$$eval('.console .xterm-rows > div', (all) => all.map(({ textContent }) => textContent));
  return rows.map((row) => row.replaceAll('\u00a0', ' ').trimEnd()).join('\n');
}

/** Types a line into the machine that is selected, by key, and waits until it has been answered. */
export async function type(page, line) {
  const steps = await stepCount(page);
  await page.focus('.console textarea');
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
  await page.waitForFunction((before) => document.querySelectorAll('.timeline li').length > before, steps, WAIT);
  return lastAnswer(page);
}

export async function stepCount(page) {
  return page.$$eval('.timeline li', (items) => items.length);
}

/** The lines between the last command and what it cost. */
export async function lastAnswer(page) {
  await page.waitForTimeout(250);
  const lines = (await terminalText(page)).split('\n');
  const end = lines.findLastIndex((line) => line.endsWith(' written'));
  const start = lines.slice(0, end).findLastIndex((line) => / #\d+> /.test(line));
  return lines.slice(start + 1, end).join('\n');
}

/** Waits until the tree has so many machines, and the panel shows the one that is selected. */
export async function machines(page, count) {
  await page.waitForFunction(
    (wanted) => {
      const id = document.querySelector('.tree-node[aria-selected=true]')?.dataset.id;
      return (
        document.querySelectorAll('.tree-node').length === wanted &&
        document.querySelector('#machine-title')?.textContent.startsWith(`Machine ${id}g`)
      );
    },
    count,
    WAIT,
  );
}

export async function select(page, id) {
  await page.click(`[role=treeitem][data-id="${id}"]`);
  await page.waitForFunction(
    (wanted) => document.querySelector('#machine-title')?.textContent.includes(`Machine ${wanted}`),
    id,
    WAIT,
  );
}

/** Forks a group and runs a line in all of it. @returns the facts that the panel states */
export async function askAll(page, { count, line }) {
  await page.click(`[data-fork="${count}"]`);
  await page.waitForSelector('#run-all');
  await page.fill('#swarm-line', line);
  await page.click('#run-all');
  await page.waitForFunction(
    () =>
      document.querySelector('#run-all')?.textContent === 'Run in all' &&
      / answers in /.test(document.querySelector('.swarm .facts')?.textContent ?? ''),
    undefined,
    WAIT,
  );
  return page.textContent('.swarm .facts');
}

/** The figures beside the answers. */
export async function answerStats(page) {
  const pairs = await page.$$eval('.summary .stats div', (all) =>
    all.map((each) => [...each.children].map((one) => one.textContent)),
  );
  return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value.replaceAll(',', ''))]));
}

export function expectClean({ errors, elsewhere }) {
  expect(errors).toEqual([]);
  expect(elsewhere).toEqual([]);
}
