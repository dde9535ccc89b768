/** Calls of pages: by cookie, from the page itself, since no key is part of them. */
import { createClient, fetchTransport } from '@hearthold/client'

export const server = createClient({ transport: fetchTransport() })
