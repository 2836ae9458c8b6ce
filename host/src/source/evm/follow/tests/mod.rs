mod agreement;
mod heads;
mod kit;
mod parts;
mod reach;
mod receipts;
mod reorgs;
mod shared;
