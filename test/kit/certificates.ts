/** Certificates of a test's own authority, made by openssl in a folder. */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

const openssl = (directory: string, ...args: ReadonlyArray<string>) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" })

/** `<name>.pem` and `<name>.key`: an authority that signs with itself. */
export const authority = (directory: string, name: string): void => {
  openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.pem`)
}

/** `<name>.pem` and `<name>.key`, signed by that authority; `names` as openssl writes a subjectAltName. */
export const certificate = (directory: string, { by, name, names }: { readonly by: string; readonly name: string; readonly names?: string }): void => {
  openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`)
  writeFileSync(join(directory, `${name}.ext`), names === undefined ? "" : `subjectAltName=${names}\n`)
  openssl(directory, "x509", "-req", "-days", "2", "-in", `${name}.csr`, "-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial", "-extfile", `${name}.ext`, "-out", `${name}.pem`)
}
