/**
 * A text of many documents that is read again each time it changes, such as a file with a thousand policies: only documents whose own text
 * changed are parsed and validated, and what did not change is the same object as before.
 *
 * Invariant: it gives what `parseKinds` gives of the whole text, faults included.
 */
import { type KindTable, parseKinds, ResourceError, type ResourceIn } from './parse.ts';

/** YAML knows no other line that starts so: inside of a document, of a quoted text too, it is a fault (1.2.2, 9.1.2). */
const DOCUMENT_START = /(?<=\n)(?=---(?:[ \t\r\n]|$))/;
/** Directives belong to the document behind the next start, and are rare. */
const DIRECTIVE = /^%/m;

export class DocumentReader<Table extends KindTable> {
  private readonly table: Table;
  private known: ReadonlyMap<string, ResourceIn<Table>[]> = new Map();

  constructor(table: Table) {
    this.table = table;
  }

  /** `source` names the text in messages. @throws ResourceError; what was known is kept for the next text */
  read(text: string, source: string): ResourceIn<Table>[] {
    const documents = DIRECTIVE.test(text) ? [text] : text.split(DOCUMENT_START);
    if (documents.length < 2) return this.keep(new Map(), parseKinds(text, source, this.table));
    const found = new Map<string, ResourceIn<Table>[]>();
    try {
      for (const document of documents) {
        const resources = found.get(document) ?? this.known.get(document);
        found.set(document, resources ?? parseKinds(document, source, this.table));
      }
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      // Of the whole text, for all faults at once, with the numbers of their documents and lines.
      return this.keep(found, parseKinds(text, source, this.table));
    }
    return this.keep(
      found,
      documents.flatMap((document) => found.get(document)!),
    );
  }

  private keep(found: ReadonlyMap<string, ResourceIn<Table>[]>, resources: ResourceIn<Table>[]): ResourceIn<Table>[] {
    this.known = found;
    return resources;
  }
}
