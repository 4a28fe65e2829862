import { type Browser, chromium } from 'playwright-core';
import { programOf } from './servers/find-server.js';

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: programOf('chromium'),
    chromiumSandbox: process.getuid?.() !== 0,
    // It looks for its maker's hosts otherwise.
    args: ['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
