/** The Certificate that a controller asks for. */
import type { Certificate, CertificateSpec } from '../../../config/api/certificate.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { CONTROLLED_LABEL } from '../../../config/names.ts';

export function wantedCertificate(
  name: string,
  spec: CertificateSpec,
  annotations?: Record<string, string>,
): Certificate {
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Certificate',
    metadata: { name, labels: { [CONTROLLED_LABEL]: 'true' }, ...(annotations && { annotations }) },
    spec,
  };
}
