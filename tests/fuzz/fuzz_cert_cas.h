/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_FUZZ_CERT_CAS_H
#define ZT_FUZZ_CERT_CAS_H

#define NOW 1900000000u

/*
 * The CAs of the corpus, whose private keys are gone: all that they signed
 * had expired long before NOW, so nothing may ever be good.
 */
static const char ca_text[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx4ozeogfNwyt1HWjKNmvrx81GAxv"
    "rBiSS0ELqe8La+\n"
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNT"
    "YAAABBBB+HUu0cTruc2ImESt5xg8jKCWBueNfLQMZr6S1Dap9mV/qb1QDiTUvI/XO9"
    "Xub7nq57/gyrzLM+PxSy8dnp4QY=\n"
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1Mj"
    "EAAACFBAEkRpDJz4Lzg8DyDfH2Gu3HX/0YBy7MS0X4pemYpTAS84Hbhjk8gl+H3CRL"
    "0rGsUCYcXUjGW45S9i9yUkAUwGDsdAFOMf9eH0hYGsdn5wE9T/gNVMAMW9a8hJB8fc"
    "jDCFJLNMsGgb6Y4f9GG3HAGPSH2p3q+tqFn33Gro+1LAtQXXGoBg==\n"
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDU2U8cZPUVbHis0hXivdPVdv16lQ"
    "1DdHbPR11ieYKGJ9Sq3kdt/wzB0lPke4YqKzif04XCrSk+8Hd8dZOWP174NoBMjFSW"
    "q/i9Z/v2aHP1OiIreOflKX0CPkCFe9oltD6zSKNYs/pym/LkZQm7/Mm2WqY1xsToOg"
    "GtQzLRotOjpyPoVLgcnKUNbpmX/4mPJC6vYaOmsT72TJ6Dy/xAanPumiPaQmNnU1p/"
    "A2HK4FjMkg4F/KuX24Q9QMur+5hab9qknYCxaGVzArNIS4cAeSJmyYFVcXuLelN73E"
    "6ksGRmp9jppyrJryLes708meYIv+ZDWmIBuqiPxaRaI3wORxEX\n";

#endif /* ZT_FUZZ_CERT_CAS_H */
