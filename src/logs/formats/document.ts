// The page that documents every log format, made from the registry so that it cannot tell anything else than the readers do.
import { datedAtBeginning, families } from './index.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** docs/log-formats.md as Markdown. */
export function formatsPage(): string {
  const lines = [
    '# Log formats',
    '',
    'What `why5xx logs` reads. A file is recognised by its content: the format that reads most of its first lines is taken, the earlier one of',
    'this list where several read equally many. A line that its format refuses is tried with all others, so mixed files are read too. This page is',
    'made from `src/logs/formats`; a test keeps it in step.',
    '',
    '| id | format | kind | samples |',
    '| --- | --- | --- | --- |',
    ...families.map((family) => `| [${family.id}](#${family.id}) | ${cell(family.title)} | ${family.kind} | ${family.samples.length} |`),
    '',
    'Times count from the date that the line has. Access logs mostly write it when the request ended; these write it when it began:',
    `${[...datedAtBeginning].map((id) => `\`${id}\``).join(', ')}.`,
    '',
    '**Who answered** is only said where the log says it. nginx writes the 502 and 504 that it made itself into `$upstream_status` too, so this is',
    'known by `$upstream_header_time`, by bytes received, or by another status; add `$upstream_header_time` to a `log_format` to know it always.',
    '',
    'A plain `combined` line is the same for nginx, Apache, gunicorn and morgan. It is called nginx unless a line gives Apache away.',
  ];
  for (const family of families) {
    lines.push('', `## ${family.id}`, '', `${family.title}. Product \`${family.product}\`, kind \`${family.kind}\`.`, '');
    lines.push('| in the log | what becomes of it |', '| --- | --- |');
    for (const { name, meaning } of family.fields) lines.push(`| ${cell(name)} | ${cell(meaning)} |`);
    lines.push('', '```text', ...family.samples, '```');
  }
  return `${lines.join('\n')}\n`;
}
