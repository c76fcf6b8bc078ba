/** Label selectors as Kubernetes writes them: `app=web, tier in (a, b), !legacy`. A small parser of its own. Pure. */

export type Labels = Readonly<Record<string, string>>;
export type Selector = { matches: (labels: Labels) => boolean } | { fault: string };
type Requirement = (labels: Labels) => boolean;

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const PREFIX_LENGTH_MAX = 253;

const SET = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const COMPARISON = /^([^\s=!<>]+)\s*(==|=|!=|<|>)\s*([^\s=!<>]*)$/;
const EXISTENCE = /^(!?)\s*([^\s=!<>()]+)$/;
const WHOLE_NUMBER = /^[+-]?\d+$/;

/** Every requirement has to hold. */
export function parseSelector(text: string): Selector {
  const parts = splitTopLevel(text);
  const requirements: Requirement[] = [];
  for (const part of parts) {
    const parsed = parseRequirement(part);
    if (typeof parsed === 'string') return { fault: `selector "${text}" is not valid: ${parsed}` };
    requirements.push(parsed);
  }
  return { matches: (labels) => requirements.every((holds) => holds(labels)) };
}

/** At commas outside parentheses. */
function splitTopLevel(text: string): string[] {
  return text.split(/,(?![^()]*\))/).map((part) => part.trim());
}

function parseRequirement(text: string): Requirement | string {
  if (text === '') return 'a requirement is missing';
  const [, setKey, setOperator, list] = SET.exec(text) ?? [];
  if (setKey !== undefined) return setRequirement(setKey, setOperator!, list!);
  const [, key, operator, value] = COMPARISON.exec(text) ?? [];
  if (key !== undefined) return comparison(key, operator!, value!);
  const [, negation, name] = EXISTENCE.exec(text) ?? [];
  if (name === undefined)
    return `"${text}" is none of key, !key, key=value, key!=value, key in (a, b), key notin (a, b)`;
  return keyFault(name) ?? ((labels) => Object.hasOwn(labels, name) === (negation === ''));
}

function setRequirement(key: string, operator: string, list: string): Requirement | string {
  const values = list.split(',').map((value) => value.trim());
  const fault = keyFault(key) ?? values.map(valueFault).find((found) => found !== undefined);
  if (fault !== undefined) return fault;
  const isIn: Requirement = (labels) => Object.hasOwn(labels, key) && values.includes(labels[key]!);
  return operator === 'in' ? isIn : (labels) => !isIn(labels);
}

function comparison(key: string, operator: string, value: string): Requirement | string {
  const fault = keyFault(key) ?? valueFault(value);
  if (fault !== undefined) return fault;
  if (operator === '=' || operator === '==') return (labels) => Object.hasOwn(labels, key) && labels[key] === value;
  if (operator === '!=') return (labels) => !Object.hasOwn(labels, key) || labels[key] !== value;
  if (!WHOLE_NUMBER.test(value)) return `"${value}" after ${operator} is not a whole number`;
  return (labels) => {
    const found = Object.hasOwn(labels, key) ? labels[key]! : '';
    if (!WHOLE_NUMBER.test(found)) return false;
    return operator === '<' ? Number(found) < Number(value) : Number(found) > Number(value);
  };
}

function keyFault(key: string): string | undefined {
  const parts = key.split('/');
  const prefix = parts.length === 2 ? parts[0]! : undefined;
  const isGood =
    parts.length <= 2 &&
    NAME.test(parts.at(-1)!) &&
    (prefix === undefined || (prefix.length <= PREFIX_LENGTH_MAX && PREFIX.test(prefix)));
  return isGood ? undefined : `"${key}" cannot be the key of a label`;
}

function valueFault(value: string): string | undefined {
  return value === '' || NAME.test(value) ? undefined : `"${value}" cannot be the value of a label`;
}
