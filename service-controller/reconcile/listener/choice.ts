/** Which clusters a port's traffic goes to from here: the choice of choose/ among those that serve the port. Pure. */
import { type Choice, choose } from '../../choose/choose.ts';
import { PRIORITY_DEFAULT, WEIGHT_DEFAULT } from '../../merge/defaults.ts';
import { type Frame, type FramePort, sourcesOf } from '../frame.ts';

export function choiceOf(frame: Frame, port: FramePort): Choice {
  const { observed, merged } = frame;
  return choose({
    self: { cluster: observed.clusterId, properties: observed.properties },
    candidates: sourcesOf(frame, port).map(({ cluster, state, record, properties }) => ({
      cluster,
      ready: state === 'own' || state === 'live' ? record.ready : 0,
      properties,
      priority: record.priority ?? PRIORITY_DEFAULT,
      weight: record.weight ?? WEIGHT_DEFAULT,
    })),
    clusterSelectors: merged.clusterSelectors,
    locality: merged.locality,
    localMinimum: merged.localMinimum,
  });
}
