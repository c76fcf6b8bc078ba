/** `policy convert`: resources SkupperClusterPolicy of Skupper 1 in a file become policies of ours on stdout. */
import { parseAllDocuments } from 'yaml';
import { messageOf } from '../../../lib/errors.ts';
import { convertPolicies, type SkupperClusterPolicy } from '../../../lib/policy/convert.ts';
import { checkOf, isRecord, Type } from '../../../lib/shape.ts';
import { type Context, print, say } from '../../context.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { readInput, titleOf } from '../../files.ts';
import { formatManifest } from '../../output/resources.ts';
import { toResource } from './world.ts';

const Texts = Type.Optional(Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 4096 }));
const Policy = checkOf(
  Type.Object({
    metadata: Type.Object({ name: Type.String({ minLength: 1 }) }),
    spec: Type.Object({
      namespaces: Texts,
      allowIncomingLinks: Type.Optional(Type.Boolean()),
      allowedOutgoingLinksHostnames: Texts,
      allowedExposedResources: Texts,
      allowedServices: Texts,
    }),
  }),
);

export async function convertPolicyFile(context: Context, file: string, flags: { output?: string }): Promise<void> {
  const policies = policiesIn(await readInput(context, file), titleOf(file));
  if (policies.length === 0) {
    throw new NotFoundError(`There is no SkupperClusterPolicy in ${titleOf(file)}`, {
      next: 'Get them with kubectl get skupperclusterpolicies -o yaml',
    });
  }
  const { documents, notes } = convertPolicies(policies);
  print(context, formatManifest(documents.map(toResource), flags.output));
  for (const note of notes) say(context, `Note: ${note}.`);
}

/** Other resources in the file are passed over. @throws UsageError */
function policiesIn(text: string, file: string): SkupperClusterPolicy[] {
  let found: unknown[];
  try {
    found = parseAllDocuments(text).flatMap((document) => {
      if (document.errors.length > 0) throw document.errors[0]!;
      return itemsOf(document.toJS());
    });
  } catch (thrown) {
    throw new UsageError(`${file} cannot be read as YAML: ${messageOf(thrown)}`, { next: `Correct ${file}` });
  }
  return found
    .filter((value) => isRecord(value) && value.kind === 'SkupperClusterPolicy')
    .map((value) => {
      if (Policy.Check(value)) return { name: value.metadata.name, spec: value.spec };
      const faults = Policy.Errors(value).map(
        ({ instancePath, message }) => `${instancePath.slice(1).replaceAll('/', '.')} ${message}`,
      );
      throw new UsageError(`A SkupperClusterPolicy in ${file} has mistakes:\n${faults.join('\n')}`, {
        next: `Correct ${file}`,
      });
    });
}

function itemsOf(value: unknown): unknown[] {
  return isRecord(value) && Array.isArray(value.items) ? value.items : [value];
}
