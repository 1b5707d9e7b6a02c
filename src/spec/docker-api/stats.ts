/** Source: the Docker Engine API v1.51, definition ContainerStatsResponse. Bytes and nanoseconds. */
export interface ContainerStats {
  readonly id?: string;
  readonly name?: string;
  readonly read: string;
  readonly preread: string;
  readonly pids_stats?: { readonly current?: number; readonly limit?: number };
  readonly blkio_stats?: BlkioStats;
  readonly num_procs?: number;
  readonly cpu_stats?: CpuStats;
  readonly precpu_stats?: CpuStats;
  readonly memory_stats?: MemoryStats;
  readonly networks?: Readonly<Record<string, NetworkStats>>;
}

export interface BlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

export interface BlkioStats {
  readonly io_service_bytes_recursive?: readonly BlkioEntry[] | null;
  readonly io_serviced_recursive?: readonly BlkioEntry[] | null;
}

export interface CpuStats {
  readonly cpu_usage: {
    readonly total_usage: number;
    readonly percpu_usage?: readonly number[] | null;
    readonly usage_in_kernelmode: number;
    readonly usage_in_usermode: number;
  };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
  readonly throttling_data?: {
    readonly periods: number;
    readonly throttled_periods: number;
    readonly throttled_time: number;
  };
}

export interface MemoryStats {
  readonly usage?: number;
  readonly max_usage?: number;
  readonly limit?: number;
  readonly failcnt?: number;
  readonly stats?: Readonly<Record<string, number>>;
}

export interface NetworkStats {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
}
