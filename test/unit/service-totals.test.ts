import { describe, expect, it } from 'vitest';
import { SERVICE_COUNT_MAX } from '../../router/bridge/service-totals.ts';
import { firstExpiry } from '../../router/io/certificate-expiry.ts';
import { VanflowWorld } from '../support/vanflow-world.ts';

describe('what services have counted', () => {
  const bridgeOf = () => new VanflowWorld().router.bridge;

  it('is told by address and side, of all its tcpListeners or tcpConnectors together', () => {
    const bridge = bridgeOf();
    bridge.addConnector('pod-1', 'web');
    bridge.addConnector('pod-2', 'web');
    bridge.tcpListeners.add({ name: 'web', address: 'web', multiAddressStrategy: 'none' });
    bridge.connectors.get('pod-1')!.counters.bytesIn = 5;
    bridge.connectors.get('pod-2')!.counters.bytesIn = 7;
    bridge.tcpListeners.settle();
    const [listener, connector] = bridge.counts.services();
    expect(connector).toMatchObject({ side: 'connector', address: 'web', entityCount: 2, fitCount: 2 });
    expect(connector!.counters.bytesIn).toBe(12);
    expect(listener).toMatchObject({ side: 'listener', address: 'web', entityCount: 1, fitCount: 1 });
  });

  it('never goes back when one of them is deleted', () => {
    const bridge = bridgeOf();
    bridge.addConnector('pod-1', 'web');
    bridge.addConnector('pod-2', 'web');
    bridge.connectors.get('pod-1')!.counters.connectionsOpened = 3;
    bridge.deleteConnector('pod-1', false);
    expect(bridge.counts.services()[0]!.counters.connectionsOpened).toBe(3);
    expect(bridge.totals().connectionsOpened).toBe(3);
    // Without any there is nothing to tell; when one comes back, it goes on.
    bridge.deleteConnector('pod-2', false);
    expect(bridge.counts.services()).toEqual([]);
    bridge.addConnector('pod-3', 'web');
    expect(bridge.counts.services()[0]!.counters.connectionsOpened).toBe(3);
  });

  it('is told of so many addresses and no more: the others are one', () => {
    const bridge = bridgeOf();
    const count = SERVICE_COUNT_MAX + 20;
    for (let i = 0; i < count; i++) bridge.addConnector(`c${i}`, `service-${i}`);
    for (const connector of bridge.connectors.values()) connector.counters.bytesOut = 1;
    const services = bridge.counts.services();
    expect(services).toHaveLength(SERVICE_COUNT_MAX + 1);
    expect(services.find(({ address }) => address === '')).toMatchObject({ entityCount: 20 });
    expect(services.reduce((sum, { counters }) => sum + counters.bytesOut, 0)).toBe(count);
    for (const name of [...bridge.connectors.keys()]) bridge.deleteConnector(name, false);
    expect(bridge.totals().bytesOut).toBe(count);
  });
});

describe('when certificates expire', () => {
  it('is not known of what is none', () => {
    expect(firstExpiry(undefined)).toBeUndefined();
    expect(firstExpiry('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toBeUndefined();
  });
});
