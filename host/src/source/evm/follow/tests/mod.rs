mod heads;
mod kit;
mod parts;
mod receipts;
mod reorgs;
mod shared;
