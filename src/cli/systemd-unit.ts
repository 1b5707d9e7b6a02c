/** The unit of systemd under which the daemon runs as a service. */
export function printUnit(launcher: string, args: readonly string[]): string {
  return `[Unit]
Description=Gantry, runs applications as containers
After=network-online.target nss-lookup.target firewalld.service
Wants=network-online.target
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
ExecStart=${[launcher, 'daemon', ...args].map(quote).join(' ')}
Restart=always
RestartSec=2
# A first start installs what is missing.
TimeoutStartSec=15min
# Containers and their monitors live in this service's control group and must survive its restart.
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}

/** One word of a command line as systemd.service(5) reads it: `%` and `$` are its own there, and so are quotes. */
function quote(word: string): string {
  const escaped = word.replaceAll(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s'"\\;]/.test(word) ? `"${escaped}"` : escaped;
}
