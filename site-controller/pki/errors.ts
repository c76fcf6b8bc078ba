/** What can be wrong with TLS material that others gave us. */
import { SkuprtError } from '../../lib/errors.ts';

/** Text that should be a PEM certificate is not. */
export class CertificateUnreadableError extends SkuprtError {
  readonly code = 'SKUPRT_CERTIFICATE_UNREADABLE';
  readonly fault = 'caller';
}

/** A CA cannot sign: no CA certificate, another key, an unsupported kind of key, or past its end. */
export class CaUnusableError extends SkuprtError {
  readonly code = 'SKUPRT_CA_UNUSABLE';
  readonly fault = 'caller';
}

/** A certificate request that is not well formed, not signed by its own key, or of a weak key. */
export class CertificateRequestError extends SkuprtError {
  readonly code = 'SKUPRT_CERTIFICATE_REQUEST_INVALID';
  readonly fault = 'peer';
}
