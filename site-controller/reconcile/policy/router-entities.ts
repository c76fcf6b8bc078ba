/** The access policies as entities of the site's routers, which enforce them. Pure. */
import { referenceOf } from '../../../lib/policy/decide.ts';
import { compareText } from '../../../lib/text.ts';
import type { Observed, RouterEntity } from '../observed.ts';
import { policyDocuments } from './documents.ts';

/** Those that may have a say in what this site's routers do. */
export function accessPolicyEntities(observed: Observed): RouterEntity[] {
  return policyDocuments(observed)
    .map((document): RouterEntity => {
      return ['accessPolicy', { name: referenceOf(document), spec: JSON.stringify(document.spec) }];
    })
    .sort(([, a], [, b]) => compareText(String(a.name), String(b.name)));
}
