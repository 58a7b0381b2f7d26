/** Whether a host name means this machine; IPv6 in brackets, as in a URL. */
export const isLoopback = (hostname: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
