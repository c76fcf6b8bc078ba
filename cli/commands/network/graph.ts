/** `network graph`: the network as a picture for documents. */
import { type Context, print } from '../../context.ts';
import { dotText } from '../../output/graph/dot.ts';
import { graphOf } from '../../output/graph/graph.ts';
import { mermaidText } from '../../output/graph/mermaid.ts';
import { withLiveNetwork } from '../../places/live-network.ts';

export type GraphFormat = 'dot' | 'svg' | 'mermaid';

export async function showGraph(context: Context, { output }: { output: GraphFormat }): Promise<void> {
  await withLiveNetwork(context, {}, async (collector) => {
    const graph = graphOf(collector.view());
    if (output === 'dot') print(context, dotText(graph));
    else if (output === 'mermaid') print(context, mermaidText(graph));
    else {
      const { svgText } = await import('../../output/graph/svg.ts');
      print(context, svgText(graph));
    }
  });
}
