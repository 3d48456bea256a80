// What the list of commands says of `lab`: apart from the command, so that the list does not load the lab.

export const labDescription = 'a real site behind a load balancer, made of namespaces on this machine, and its faults';
