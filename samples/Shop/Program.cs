using Shop;
using Shop.Roles;

// The same executable is the show and, with a role, one of its processes.
return args is ["--role", var role]
    ? await Role.RunAsync(role)
    : await ShopCommand.RunAsync(args);
