/** The part of dockerode that the story uses: the package has no types of its own. */
declare module 'dockerode' {
  interface Exec {
    start(options: object): Promise<NodeJS.ReadWriteStream>;
    inspect(): Promise<{ readonly ExitCode: number | null }>;
  }
  interface Container {
    attach(options: object): Promise<NodeJS.ReadWriteStream>;
    start(): Promise<void>;
    wait(): Promise<{ readonly StatusCode: number }>;
    exec(options: object): Promise<Exec>;
    logs(options: object): Promise<NodeJS.ReadableStream>;
    inspect(): Promise<{ readonly State: { readonly ExitCode: number } }>;
    remove(): Promise<void>;
  }
  class Docker {
    constructor(options: { readonly socketPath: string });
    readonly modem: {
      demuxStream(stream: NodeJS.ReadableStream, stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): void;
    };
    ping(): Promise<Buffer>;
    createContainer(options: object): Promise<Container>;
    listContainers(options: object): Promise<readonly { readonly Names: readonly string[] }[]>;
  }
  export = Docker;
}
