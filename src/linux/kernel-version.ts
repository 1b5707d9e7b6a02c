/** Whether a kernel (`6.18.44-x`, as uname says it) is of a version (`5.12`) or later, by major and minor number. */
export function isKernelAtLeast(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [leastMajor = 0, leastMinor = 0] = minimum.split('.').map((part) => Number.parseInt(part, 10));
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
