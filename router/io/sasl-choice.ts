/**
 * Which SASL mechanisms a listener offers, and a connector chooses from, by their entities (wire reference 1.2): those they name as far
 * as they are spoken here, in order of strength.
 */
import type { SaslMechanism, SaslOptions } from '../amqp/engine/options.ts';
import type { ConnectorEntity, ListenerEntity } from '../management/schema.ts';
import { isUser, mechanismList, type SaslConfig } from './sasl-users.ts';
import { secretText } from './secret-text.ts';

const SPOKEN = ['EXTERNAL', 'PLAIN', 'ANONYMOUS'] as const satisfies SaslMechanism[];

export function named(saslMechanisms: string | undefined): readonly string[] | undefined {
  return saslMechanisms?.split(/[\s,]+/).filter(Boolean);
}

/**
 * Whether a certificate is demanded of who connects over TLS: where EXTERNAL is named, as skupper-router has it, and where a peer
 * must authenticate and has no other way.
 */
export function demandsCertificate(
  { saslMechanisms, authenticatePeer }: Pick<ListenerEntity, 'saslMechanisms' | 'authenticatePeer'>,
  { saslConfigDir }: SaslConfig,
): boolean {
  const mechanisms = named(saslMechanisms);
  if (mechanisms === undefined) return authenticatePeer && saslConfigDir === undefined;
  return mechanisms.includes('EXTERNAL');
}

/**
 * What a listener offers one peer: EXTERNAL only to a verified certificate, ANONYMOUS only where nobody need authenticate.
 * @param refused told why users could not be looked up
 */
export function offered(
  { saslMechanisms, authenticatePeer }: Pick<ListenerEntity, 'saslMechanisms' | 'authenticatePeer'>,
  isVerified: boolean,
  config: SaslConfig,
  refused: (reason: unknown) => void,
): SaslOptions {
  const names = named(saslMechanisms) ?? ['EXTERNAL', 'ANONYMOUS', ...(config.saslConfigDir ? ['PLAIN'] : [])];
  const left = asked(() => mechanismList(config), refused);
  const mechanisms = SPOKEN.filter(
    (mechanism) =>
      names.includes(mechanism) &&
      (left?.includes(mechanism) ?? true) &&
      (mechanism !== 'EXTERNAL' || isVerified) &&
      (mechanism !== 'ANONYMOUS' || !authenticatePeer),
  );
  const verify = (username: string, password: string): boolean =>
    asked(() => isUser(config, username, password), refused) ?? false;
  return { mechanisms, required: authenticatePeer, verify };
}

/** Files that cannot be read are told of, and count as saying nothing. */
function asked<T>(ask: () => T, refused: (reason: unknown) => void): T | undefined {
  try {
    return ask();
  } catch (error) {
    refused(error);
    return undefined;
  }
}

/** What a connector may choose. @throws what reading a file with the password throws */
export function choosable({ saslMechanisms, sslProfile, saslUsername, saslPassword }: ConnectorEntity): SaslOptions {
  const names = named(saslMechanisms) ?? ['PLAIN', 'ANONYMOUS', ...(sslProfile ? ['EXTERNAL'] : [])];
  const mechanisms = SPOKEN.filter((mechanism) => names.includes(mechanism));
  return { mechanisms, required: true, username: saslUsername, password: secretText(saslPassword, ['literal']) };
}
