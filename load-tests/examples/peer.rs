//! Runs the bare echo peer as a process of its own: `peer LISTEN CA CERT KEY`.

use lienthong_load::{TlsPaths, peers::echo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, ca, cert, key] = arguments.as_slice() else {
        return Err("usage: peer LISTEN CA CERT KEY".into());
    };
    let tls = TlsPaths { ca: ca.into(), cert: cert.into(), key: key.into() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        echo::serve(listener, &tls, std::future::pending()).await?;
        Ok(())
    })
}
