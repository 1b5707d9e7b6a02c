import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate } from './template.ts';

const render = (template: string, data: unknown): string => compileTemplate(template)(data);

const data = {
  Name: '/web',
  N: 3,
  Flag: true,
  None: null,
  Env: ['A=1', 'B=2'],
  Labels: { b: 'two', a: 'one' },
  State: { Health: { Status: 'ok' }, Pid: 7 },
  Label: (name: unknown) => `label ${String(name)}`,
  Computed: () => 'yes',
};

const cases: readonly (readonly [string, string])[] = [
  ['plain', 'plain'],
  ['{{.Name}}-{{.N}}', '/web-3'],
  ['{{ .State.Health.Status }}', 'ok'],
  ['{{json .Labels}} {{json .Env}} {{json .None}}', '{"b":"two","a":"one"} ["A=1","B=2"] null'],
  ['{{.Labels}} {{.Env}} {{.None}} {{.Flag}}', 'map[a:one b:two] [A=1 B=2] <nil> true'],
  ['{{.Labels.a}} {{.Labels.nope}}', 'one <no value>'],
  ['{{range .Env}}[{{.}}]{{end}}', '[A=1][B=2]'],
  ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'a=one;b=two;'],
  ['{{range $i, $e := .Env}}{{if $i}}, {{end}}{{$e}}{{end}}', 'A=1, B=2'],
  ['{{range .None}}x{{else}}empty{{end}}', 'empty'],
  ['{{if .Flag}}a{{else}}b{{end}}{{if not .Flag}}a{{else if eq .N 3}}c{{else}}b{{end}}', 'ac'],
  ['{{with .State}}{{.Pid}} {{$.N}}{{end}}', '7 3'],
  ['{{index .Labels "a"}} {{index .Env 1}} {{index .Labels "nope"}}', 'one B=2 '],
  ['{{len .Env}} {{len .Name}}', '2 4'],
  ['{{join .Env ","}} {{upper .Name}} {{.Name | lower | printf "%q"}}', 'A=1,B=2 /WEB "/web"'],
  ['{{slice .Name 1}}{{println "x"}}', 'webx\n'],
  ['{{printf "%s %v %5d|%-5s|%t %.2f" .Name .N .N "a" .Flag 1.5}}', '/web 3     3|a    |true 1.50'],
  ['{{.Label "x"}} {{.Computed}} {{(.Label "y") | upper}}', 'label x yes LABEL Y'],
  ['a {{- /* gone */ -}} b {{- .N -}} c', 'ab3c'],
  ['{{(index .Labels "a") | len}} {{and .Flag .N}} {{or .None "d"}}', '3 3 d'],
  ['{{$x := .N}}{{$x}}{{$x = 4}}{{$x}}', '34'],
  ['{{range .Env}}{{.}}{{break}}{{end}}', 'A=1'],
  ['{{`raw "x"`}} {{"a\\tb"}}', 'raw "x" a\tb'],
  ['{{title "hello world"}} {{pad "x" 1 2}}| {{truncate "hello" 2}} {{split "a,b" ","}}', 'Hello World  x  | he [a b]'],
];

for (const [template, expected] of cases) {
  test(`the template ${template} prints ${JSON.stringify(expected)}`, () => {
    assert.equal(render(template, data), expected);
  });
}

const mistakes: readonly (readonly [string, RegExp])[] = [
  ['{{.Foo', /unclosed action/],
  ['{{.Foo}}', /executing "" at <\.Foo>: map has no entry for key "Foo"/],
  ['{{nope .Name}}', /function "nope" not defined/],
  ['{{if .Name}}', /unexpected EOF/],
  ['{{end}}', /unexpected \{\{end\}\}/],
  ['{{.Name.x}}', /can't evaluate field x in type string/],
  ['{{constructor}}', /function "constructor" not defined/],
  ['{{.constructor}}', /no entry for key "constructor"/],
  ['{{template "x"}}', /not supported/],
  ['{{"open}}', /unterminated quoted string/],
];

for (const [template, reason] of mistakes) {
  test(`the template ${template} is refused`, () => {
    assert.throws(() => render(template, data), reason);
  });
}
