// "Did you mean …?": the known name that is fewest edits away.

/** The nearest of `names` by edit distance, or null where even that one differs in more than a third of its letters. */
export function nearest(wanted: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const name of names) {
    const away = distance(wanted.toLowerCase(), name.toLowerCase());
    if (away < bestDistance) [best, bestDistance] = [name, away];
  }
  return best !== null && bestDistance <= Math.floor(Math.max(best.length, wanted.length) / 3) ? best : null;
}

/** Edit distance in which two neighbours that changed places count once. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
