/** Fields separated by commas, where double quotes keep commas together (RFC 4180). */
export function splitCsv(text: string): readonly string[] {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;
  while (field.lastIndex <= text.length) {
    const [, quoted, plain = '', separator] = field.exec(text) ?? [];
    if (separator === undefined) throw new Error(`parse error: bare " in ${JSON.stringify(text)}`);
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (separator === '') break;
  }
  return fields;
}
