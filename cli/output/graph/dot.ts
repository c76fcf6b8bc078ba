/** A graph in the language of Graphviz. Pure. */
import type { Graph } from './graph.ts';

export function dotText({ sites, links }: Graph): string {
  const nodes = sites.map(({ key, name, self, lines }) => {
    const label = [name, ...lines].map(escaped).join('\\n');
    return `  ${key} [label="${label}"${self ? ', style="rounded,bold"' : ''}];\n`;
  });
  const edges = links.map(({ from, to, label, isUp }) => {
    const look = isUp ? '' : ', style=dashed, color=red, fontcolor=red';
    return `  ${from} -> ${to} [label="${escaped(label)}"${look}];\n`;
  });
  return `digraph network {\n  node [shape=box, style=rounded];\n${nodes.join('')}${edges.join('')}}\n`;
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, '\\$&').replace(/\s+/g, ' ');
}
