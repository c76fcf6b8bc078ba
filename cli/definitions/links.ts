/** `token VERB` and `link VERB`: joining sites. Both vocabularies: token create = token issue, link create = token redeem. */
import type { Command } from 'commander';
import { parseCount, parseDurationMs, parseHost, parseName } from '../parse.ts';
import { examples, output, type Scope, timeout, wait, waitGone, yes } from './define.ts';

export interface IssueFlags {
  redemptionsAllowed: number;
  expirationWindow: number;
  cost: number;
  name?: string;
  /** Id of the only site that may use it. */
  forSite?: string;
  timeout: number;
}

export interface RedeemFlags {
  cost?: number;
  name?: string;
  wait: 'none' | 'configured' | 'ready';
  timeout: number;
}

export interface GenerateLinkFlags {
  cost: number;
  tlsCredentials?: string;
  generateCredential: boolean;
  host?: string;
  output: string;
  timeout: number;
}

export function defineTokens(program: Command, scope: Scope): void {
  const token = program.command('token').description('Tokens: files that let another site link to this one');
  examples(
    token,
    ['skuprt token create FILE', 'at the site to link to'],
    ['skuprt token redeem FILE', 'at the site that dials'],
  );
  defineIssue(token.command('issue'), scope, 'issue');
  defineIssue(token.command('create'), scope, 'create');
  defineRedeem(token.command('redeem'), scope, 'skuprt -n west token redeem');
  const status = token
    .command('status [name]')
    .description('Show the tokens that this site issued and redeemed, and what became of them')
    .addOption(output('json', 'yaml', 'name'))
    .action(async (name: string | undefined, flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const { showTokens } = await import('../commands/token/status.ts');
      await showTokens(context, name, flags);
    });
  examples(status, ['skuprt token status', 'how often each was used, and until when it can be']);
  const remove = token
    .command('delete')
    .description('Withdraw an issued token, or give up one that could not be redeemed; links made of it stay')
    .argument('<name>', 'name of the token, as token status shows it', parseName)
    .addOption(yes())
    .action(async (name: string, flags: { yes?: boolean }, self: Command) => {
      const context = await scope.context(self);
      const { deleteToken } = await import('../commands/token/delete.ts');
      await deleteToken(context, name, flags);
    });
  examples(
    remove,
    ['skuprt token delete east-1a2b3c4d', 'asks first'],
    ['skuprt token delete east-1a2b3c4d --yes', 'for scripts'],
  );
}

function defineIssue(command: Command, scope: Scope, word: 'issue' | 'create'): void {
  const [uses, expiry] = word === 'issue' ? ['--redemptions-allowed', '--expiration-window'] : ['--uses', '--expiry'];
  command
    .description('Write a token file: whoever has it can link to this site, until it is used up or expires')
    .argument('<file>', 'where to write it, readable by you only; - for stdout')
    .option('--redemptions-allowed <count>', 'how many sites may use it', parseCount)
    .option('--uses <count>', 'the same', parseCount)
    .option('--expiration-window <time>', 'how long it can be used', parseDurationMs)
    .option('--expiry <time>', 'the same', parseDurationMs)
    .option('--cost <cost>', 'cost of the link that it makes', parseCount, 1)
    .option('--name <name>', 'name of the grant (default: the site and a random part)', parseName)
    .option('--for-site <id>', 'only for the site with this id, which then needs no proof that the id is its own')
    .addOption(timeout('1m'))
    .action(async (file: string, flags: Partial<IssueFlags> & { uses?: number; expiry?: number }, self: Command) => {
      const context = await scope.context(self);
      const { issueToken } = await import('../commands/token/issue.ts');
      await issueToken(context, file, {
        redemptionsAllowed: flags.redemptionsAllowed ?? flags.uses ?? 1,
        expirationWindow: flags.expirationWindow ?? flags.expiry ?? parseDurationMs('15m'),
        cost: flags.cost!,
        name: flags.name,
        forSite: flags.forSite,
        timeout: flags.timeout!,
      });
    });
  examples(
    command,
    [`skuprt -n east token ${word} east.token`, 'good for one link within 15 minutes'],
    [`skuprt token ${word} hub.token ${uses} 10 ${expiry} 24h`, 'good for ten links within a day'],
    [`skuprt token ${word} - | ssh west skuprt token redeem -`, 'without a file'],
  );
}

function defineRedeem(command: Command, scope: Scope, example: string): void {
  command
    .description('Redeem a token file: get a certificate from the site that issued it and link to that site')
    .argument('<file>', 'the token file; - for stdin')
    .option('--cost <cost>', 'cost of the link (default: as the token says)', parseCount)
    .option('--name <name>', 'name of the link (default: as the token says)', parseName)
    .addOption(wait('ready'))
    .addOption(timeout('1m'))
    .action(async (file: string, flags: RedeemFlags, self: Command) => {
      const context = await scope.context(self);
      const { redeemToken } = await import('../commands/token/redeem.ts');
      await redeemToken(context, file, flags);
    });
  examples(
    command,
    [`${example} east.token`, 'link this site to the one that issued the token'],
    [`${example} east.token --cost 10`, 'a link that traffic avoids while a cheaper path exists'],
  );
}

export function defineLinks(program: Command, scope: Scope): void {
  const link = program.command('link').description('Links of this site to other sites');
  examples(link, ['skuprt link create FILE', 'with a token of the other site'], ['skuprt link status', 'all links']);
  defineRedeem(link.command('create'), scope, 'skuprt -n west link create');
  const status = link
    .command('status [name]')
    .description('Show the links that this site dials, and who is at the other end')
    .addOption(output('json', 'yaml', 'name', 'wide'))
    .action(async (name: string | undefined, flags: { output?: string }, self: Command) => {
      const context = await scope.context(self);
      const { showLinks } = await import('../commands/link/status.ts');
      await showLinks(context, name, flags);
    });
  examples(
    status,
    ['skuprt link status', 'all links; use `network status` for those that others dial'],
    ['skuprt link status -o json', 'for scripts'],
  );

  const update = link
    .command('update')
    .description('Change a link; flags that are not given leave their setting as it is')
    .argument('<name>', 'name of the link', parseName)
    .option('--cost <cost>', 'cost of the link', parseCount)
    .option('--tls-credentials <name>', 'name of the Secret with the certificate', parseName)
    .addOption(wait('ready'))
    .addOption(timeout('1m'))
    .action(async (name: string, flags: Omit<RedeemFlags, 'name'> & { tlsCredentials?: string }, self: Command) => {
      const context = await scope.context(self);
      const { updateLink } = await import('../commands/link/update.ts');
      await updateLink(context, name, flags);
    });
  examples(update, ['skuprt link update east --cost 5', 'takes effect without breaking connections']);

  const remove = link
    .command('delete')
    .description('Remove a link, with the certificate it was given')
    .argument('<name>', 'name of the link', parseName)
    .addOption(yes())
    .addOption(waitGone())
    .addOption(timeout('1m'))
    .action(async (name: string, flags: { yes?: boolean; wait: boolean; timeout: number }, self: Command) => {
      const context = await scope.context(self);
      const { deleteLink } = await import('../commands/link/delete.ts');
      await deleteLink(context, name, flags);
    });
  examples(remove, ['skuprt link delete east', 'asks first'], ['skuprt link delete east --yes', 'for scripts']);
  defineGenerateLink(link, scope);
}

function defineGenerateLink(link: Command, scope: Scope): void {
  const command = link
    .command('generate')
    .description(
      'Print a Link to this site with its certificate: for sites that are set up from files instead of tokens',
    )
    .argument('[name]', 'name of the link (default: link-<this site>)', parseName)
    .option('--cost <cost>', 'cost of the link', parseCount, 1)
    .option(
      '--host <host>',
      'host by which the other site reaches this one (default: as the site advertises)',
      parseHost,
    )
    .option(
      '--tls-credentials <name>',
      'name of the certificate and its Secret (default: the name of the link)',
      parseName,
    )
    .option('--no-generate-credential', 'print the Link only: its Secret comes from elsewhere')
    .addOption(output('json', 'yaml').default('yaml'))
    .addOption(timeout('1m'))
    .action(async (name: string | undefined, flags: GenerateLinkFlags, self: Command) => {
      const context = await scope.context(self);
      const { generateLink } = await import('../commands/link/generate.ts');
      await generateLink(context, name, flags);
    });
  examples(command, ['skuprt -n east link generate > link-east.yaml', 'contains a private key: keep it secret']);
}
