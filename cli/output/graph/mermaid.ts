/** A graph as a flowchart of Mermaid, which forges and wikis draw. Pure. */
import type { Graph } from './graph.ts';

export function mermaidText({ sites, links }: Graph): string {
  const nodes = sites.map(({ key, name, self, lines }) => {
    const label = [self ? `<b>${escaped(name)}</b>` : escaped(name), ...lines.map(escaped)].join('<br>');
    return `  ${key}["${label}"]\n`;
  });
  const arrows = links.map(({ from, to, label, isUp }) => {
    return `  ${from} ${isUp ? '-->' : '-.->'}|"${escaped(label)}"| ${to}\n`;
  });
  const down = links.flatMap(({ isUp }, index) => (isUp ? [] : [`  linkStyle ${index} stroke:red\n`]));
  return `flowchart LR\n${nodes.join('')}${arrows.join('')}${down.join('')}`;
}

/** Entities as Mermaid writes them: `#` and a number. */
function escaped(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:/_+-]/gu, (char) => `#${char.codePointAt(0)};`);
}
