#!/usr/bin/env bash
# Uses the packed packages as a stranger would: two empty web apps in a fresh folder, `dotnet add package`, `builder.AddMesh()`, a control
# plane from the tool package, and a call from one app to the other through the mesh.
# Ends with 0 only if the call was answered over mTLS under the caller's identity.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$(cd "${1:-artifacts/packages}" && pwd)
version=$(ls "$packages"/ProxylessMesh.Client.*.nupkg | sed 's/.*ProxylessMesh\.Client\.\(.*\)\.nupkg/\1/')
global=${NUGET_PACKAGES:-$HOME/.nuget/packages}
work=$(mktemp -d)
pids=()
finish() {
  local code=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ "$code" != 0 ]; then for log in "$work"/*.log; do echo "--- $(basename "$log")"; tail -n 40 "$log"; done; fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

cat > "$work/nuget.config" <<C
<configuration>
  <packageSources><add key="packed" value="$packages" /></packageSources>
  <fallbackPackageFolders><add key="shared" value="$global" /></fallbackPackageFolders>
</configuration>
C
# The packages under test come from the folder above, never from an earlier run.
export NUGET_PACKAGES="$work/packages" PROXYLESSMESH_HOME="$work/home" DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 ASPNETCORE_ENVIRONMENT=Development
if ls -d "$global"/proxylessmesh* >/dev/null 2>&1; then rm -rf "$global"/proxylessmesh*; fi

# until FILE PATTERN PID: waits until a log has a line, or its process is gone
until_line() {
  for _ in $(seq 300); do
    if grep -qE "$2" "$1" 2>/dev/null; then return 0; fi
    kill -0 "$3" 2>/dev/null || { echo "verify: the process of $(basename "$1") ended before it was ready"; return 1; }
    sleep 0.2
  done
  echo "verify: no line '$2' in $(basename "$1") within 60 s"; return 1
}

cd "$work"
dotnet tool install ProxylessMesh.Tool --version "$version" --tool-path "$work/tool" > tool-install.log
mkdir manifests
"$work/tool/mesh" up --manifests "$work/manifests" --state "$work/state" --listen 127.0.0.1:0 > mesh-up.log 2>&1 & pids+=($!)

for app in orders web; do
  dotnet new web -o "$app" --no-restore > "$app-new.log"
  (cd "$app" && dotnet add package ProxylessMesh --version "$version") > "$app-add.log" 2>&1
done
cat > orders/Program.cs <<'C'
using ProxylessMesh;
var builder = WebApplication.CreateBuilder(args);
builder.AddMesh();
var app = builder.Build();
app.MapGet("/", (HttpContext http) => $"orders was called by {http.Features.Get<IMeshPeerFeature>()?.Id} over {http.Request.Protocol} {http.Request.Scheme}");
app.Run();
C
cat > web/Program.cs <<'C'
var builder = WebApplication.CreateBuilder(args);
builder.AddMesh();
builder.Services.AddHttpClient("orders", client => client.BaseAddress = new Uri("http://orders"));
var app = builder.Build();
app.MapGet("/", (IHttpClientFactory clients) => clients.CreateClient("orders").GetStringAsync("/"));
app.Run();
C
for app in orders web; do dotnet build "$app" -c Release --nologo -v quiet > "$app-build.log"; done

until_line mesh-up.log 'https://127\.0\.0\.1:[0-9]+' "${pids[0]}"
for app in orders web; do
  (cd "$app" && exec dotnet "bin/Release/net10.0/$app.dll" --urls http://127.0.0.1:0) > "$app.log" 2>&1 & pids+=($!)
done
until_line orders.log 'Now listening on' "${pids[1]}"
until_line web.log 'Now listening on' "${pids[2]}"
url=$(sed -n 's#.*Now listening on: https\{0,1\}://\([^ ]*\).*#http://\1#p' web.log | head -1)

answer=
for _ in $(seq 100); do
  if answer=$(curl -fsS --max-time 20 "$url/" 2>> curl.log); then break; fi
  sleep 0.2
done
echo "verify: $answer"
[[ "$answer" == "orders was called by spiffe://mesh.local/ns/default/sa/web over HTTP/2 https" ]] || { echo "verify: that is not the answer expected"; exit 1; }
