// Writes lines of a file again and again at a steady rate, and rotates twice, once by renaming and once by copying and truncating. Says at
// the end what it wrote. Used by the live-tail measure only.
import { closeSync, copyFileSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

const [source = '', target = '', rateText = '', secondsText = ''] = process.argv.slice(2);
const bytesPerMs = (Number(rateText) * 1e6) / 1000;
const totalMs = Number(secondsText) * 1000;
const data = readFileSync(source);
let fd = openSync(target, 'a');
let at = 0;
let written = 0;
let lines = 0;
let failed = 0;
let rotations = 0;
const began = performance.now();

function write(bytes: number): void {
  let end = Math.min(at + bytes, data.length);
  end = data.lastIndexOf(10, end - 1) + 1;
  if (end <= at) end = data.indexOf(10, at) + 1;
  const block = data.subarray(at, end);
  at = end >= data.length ? 0 : end;
  for (let from = 0; from < block.length;) from += writeSync(fd, block, from);
  written += block.length;
  const text = block.toString('latin1');
  lines += text.split('\n').length - 1;
  failed += text.match(/" 5\d\d \d+ "/g)?.length ?? 0;
}

const timer = setInterval(() => {
  const now = performance.now() - began;
  // Blocks of the size of a server's log buffer.
  while (written < now * bytesPerMs) write(64 << 10);
  if (rotations === 0 && now > totalMs / 3) {
    rotations = 1;
    renameSync(target, `${target}.1`);
    write(64 << 10);
    closeSync(fd);
    fd = openSync(target, 'a');
  } else if (rotations === 1 && now > (totalMs * 2) / 3) {
    rotations = 2;
    renameSync(`${target}.1`, `${target}.2`);
    copyFileSync(target, `${target}.1`);
    ftruncateSync(fd, 0);
  }
  if (now >= totalMs) {
    clearInterval(timer);
    closeSync(fd);
    process.stdout.write(JSON.stringify({ lines, failed, bytes: written, ms: now }));
  }
}, 5);
