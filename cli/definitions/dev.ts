/** `dev`: clusters served by processes of this machine. */
import type { Command } from 'commander';
import { parseName } from '../parse.ts';
import { examples, type Scope } from './define.ts';

export interface DevFlags {
  contexts: string[];
  link?: boolean;
  /** Of the sites; skuprt-system when absent. */
  namespace?: string;
}

export function defineDev(program: Command, scope: Scope): void {
  const dev = program
    .command('dev')
    .description(
      'Run controllers and routers of clusters as processes of this machine, without images, until Ctrl-C; then remove what was made',
    )
    .requiredOption('--contexts <names>', 'contexts of the kubeconfig, comma separated', parseNames)
    .option('--link', 'link the sites with each other')
    .action(async (flags: DevFlags, self: Command) => {
      const context = scope.local(self);
      const namespace = self.optsWithGlobals<{ namespace?: string }>().namespace;
      const { runDev } = await import('../commands/dev.ts');
      await runDev(context, { ...flags, namespace: namespace && parseName(namespace) });
    });
  examples(dev, ['skuprt dev --kubeconfig clusters.yaml --contexts a,b --link', 'two sites, linked']);
}

function parseNames(text: string): string[] {
  return [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '');
}
