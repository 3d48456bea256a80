#!/usr/bin/env node
// The entry point. Compiled code is kept between runs: loading it costs half of the time otherwise, and somebody is waiting.
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { main } = await import('./program.ts');
process.exitCode = await main();
