using System.CommandLine;
using ProxylessMesh.Tool.Commands;

// The parts of the command line; see README.md.
var root = new RootCommand("mesh: a service mesh for .NET without proxies.")
{
    UpCommand.Create(),
    ValidateCommand.Create(),
    ExplainCommand.Create(),
    CheckCommand.Create(),
    EchoCommand.Create(),
    CallCommand.Create(),
    ApplyCommand.Create(),
    GetCommand.Create(),
    StatusCommand.Create(),
    PreviewCommand.Create(),
    MigrateCommand.Create(),
    TokenCommand.Create(),
    CaCommand.Create(),
};
return await CommandLine.RunAsync(root, args);
