import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A key and a certificate for 127.0.0.1 and localhost that signs itself. `path` is the certificate's file. */
export function makeCertificate(folder: string): { key: string; cert: string; path: string } {
  const key = join(folder, 'key.pem')
  const path = join(folder, 'cert.pem')
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      path,
      '-subj',
      '/CN=aim-engine test',
      '-addext',
      'subjectAltName=IP:127.0.0.1,DNS:localhost',
    ],
    { stdio: 'ignore' },
  )
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(path, 'utf8'), path }
}
