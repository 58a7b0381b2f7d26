/** Whether a host name is a loopback name or address; IPv6 in brackets, as in a URL. */
export const isLoopback = (hostname: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
