import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KINDS, type Kind } from '../../config/api/index.ts';
import { parseResource, parseResources } from '../../config/api/parse.ts';
import type { StructuralSchema } from '../../config/crd/loosen.ts';
import { POLICY_KINDS, policyDefinition, policySchema } from '../../config/crd/policy-definition.ts';
import { parsePolicySpec } from '../../lib/policy/parse.ts';
import { generatedFiles } from '../../tools/gen-config.ts';

const FOLDER = 'config/samples/policies';
const SAMPLES = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));

const resource = (kind: Kind, spec: object) => ({
  apiVersion: KINDS[kind].apiVersion,
  kind,
  metadata: { name: 'a' },
  spec,
});

describe('samples of policies', () => {
  it.each(SAMPLES)('%s is valid by both readers', (file) => {
    const [policy] = parseResources(readFileSync(`${FOLDER}/${file}`, 'utf8'), file);
    expect(POLICY_KINDS).toContain(policy!.kind);
    const { kind, spec } = policy as unknown as { kind: 'AccessPolicy'; spec: object };
    expect(parsePolicySpec(kind, spec)).toEqual({ spec });
  });

  it('show each kind and action, and the list of them each file', () => {
    const text = SAMPLES.map((file) => readFileSync(`${FOLDER}/${file}`, 'utf8')).join('---\n');
    for (const word of [
      ...POLICY_KINDS.map((kind) => `kind: ${kind}`),
      'Allow',
      'Deny',
      'Limit',
      'dryRun',
      'enforceExisting',
    ]) {
      expect(text).toContain(word);
    }
    const readme = readFileSync(`${FOLDER}/README.md`, 'utf8');
    for (const file of SAMPLES) expect(readme).toContain(`\`${file}\``);
  });
});

describe.each(POLICY_KINDS)('the CRD of %s', (kind) => {
  const { plural } = KINDS[kind];
  const definition = policyDefinition(kind, '1.2.3');

  it('is of the scope that its name says, and installed with the others', () => {
    expect(definition.metadata.name).toBe(`${plural}.skuprt.io`);
    expect(definition.spec.scope).toBe(kind === 'ClusterAccessPolicy' ? 'Cluster' : 'Namespaced');
    const files = generatedFiles();
    expect(files.get('config/crd/kustomization.yaml')).toContain(`bases/${plural}.yaml`);
    expect(parse(files.get(`config/helm/skuprt/files/crds/${plural}.yaml`)!)).toMatchObject({ spec: definition.spec });
  });

  it('holds policies to their words and bounds', () => {
    const { spec } = policySchema(kind).properties as { spec: StructuralSchema };
    const rule = spec.properties!.rules!.items!;
    expect(spec.required).toEqual(['rules']);
    expect(spec.properties!.rules).toMatchObject({ minItems: 1, maxItems: 64 });
    expect(rule.properties!.action).toMatchObject({ enum: ['Allow', 'Deny', 'Limit'] });
    expect(rule.properties!.from!.items!.properties!.sites).toMatchObject({ minItems: 1, maxItems: 256 });
    expect(rule['x-kubernetes-validations']).toHaveLength(2);
  });

  it('has columns that lead somewhere', () => {
    const { properties } = policySchema(kind);
    const [version] = definition.spec.versions as unknown as [{ additionalPrinterColumns: { jsonPath: string }[] }];
    for (const { jsonPath } of version.additionalPrinterColumns) {
      let node: StructuralSchema | undefined = { properties };
      for (const part of jsonPath.split('.').slice(1)) node = node?.properties?.[part];
      expect(node?.type, jsonPath).toMatch(/string|boolean|integer/);
    }
  });

  it('describes what a user writes', () => {
    const undescribed = (node: StructuralSchema, path: string): string[] =>
      Object.entries(node.properties ?? {}).flatMap(([name, member]) => [
        ...(member.description ? [] : [`${path}.${name}`]),
        ...undescribed(member.items ?? member, `${path}.${name}`),
      ]);
    expect(undescribed(policySchema(kind).properties!.spec!, 'spec')).toEqual([]);
  });
});

describe('a policy as a resource', () => {
  const allow = { rules: [{ action: 'Allow' }] };

  it('may select namespaces in a ClusterAccessPolicy only', () => {
    const spec = { services: [{ namespaces: ['shop'] }], ...allow };
    expect(parseResource(resource('ClusterAccessPolicy', spec), 'x').kind).toBe('ClusterAccessPolicy');
    expect(() => parseResource(resource('AccessPolicy', spec), 'x')).toThrow(
      /spec\.services\[0\]\.namespaces is not a known key/,
    );
  });

  it.each([
    ['no rules', {}, /spec\.rules is missing/],
    ['an empty list of clients', { rules: [{ action: 'Allow', from: [] }] }, /spec\.rules\[0\]\.from/],
    [
      'a slip of the keyboard',
      { rules: [{ action: 'Allow', form: [{}] }] },
      /spec\.rules\[0\]\.form is not a known key; did you mean 'from'/,
    ],
    ['an action of another product', { rules: [{ action: 'Permit' }] }, /Allow, Deny, Limit/],
  ])('is refused with %s', (_what, spec, message) => {
    expect(() => parseResource(resource('AccessPolicy', spec), 'x')).toThrow(message);
  });
});
